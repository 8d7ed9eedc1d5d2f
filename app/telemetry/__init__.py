"""What operators see of requests: a line each in the log, and figures."""
