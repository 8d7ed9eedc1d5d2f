"""What an operator does to a database: start the embedded one, migrate."""
