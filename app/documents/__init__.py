"""What may be run: trusted, persisted and prepared documents."""
