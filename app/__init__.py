"""Assembly: settings, command line, HTTP, request to context, error masking."""

__version__ = "0.2.0"
"""By semantic versioning, of what clients and operators see: the schema, the command line, the settings. CHANGELOG.md
says what changed in each, CONTRIBUTING.md how one is released."""
