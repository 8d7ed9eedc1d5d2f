"""Models, sessions, tenancy, the embedded server. PostgreSQL only, through asyncpg only."""
