"""How a request arrives and its answer leaves."""
