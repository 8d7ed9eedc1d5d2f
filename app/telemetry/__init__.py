"""What operators see of requests: a line each in the log, figures, and traces."""
