#!/bin/sh
# Run once by PostgreSQL's image, on an empty data folder: README's administrator and database. The serving role is created here
# with its password; the migration creates the others.
set -eu
psql --username=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
    --set=admin="$ERP_ADMIN_PASSWORD" --set=app="$ERP_APP_PASSWORD" <<'SQL'
CREATE ROLE erp_admin LOGIN CREATEROLE PASSWORD :'admin';
CREATE ROLE erpgraph_app LOGIN PASSWORD :'app';
GRANT erpgraph_app TO erp_admin WITH ADMIN OPTION;
CREATE DATABASE erp OWNER erp_admin TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';
SQL
