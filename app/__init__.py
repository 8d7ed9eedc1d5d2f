"""Assembly: settings, command line, HTTP, request to context, error masking."""
