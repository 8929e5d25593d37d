#!/bin/sh
# Create or update both databases of the Temporal server. Idempotent: a current schema stays unchanged.
# Reads SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD, as temporal-sql-tool itself does.
set -eu

prepare() {
    temporal-sql-tool --plugin postgres12 --db "$1" create
    temporal-sql-tool --plugin postgres12 --db "$1" setup-schema -v 0.0
    temporal-sql-tool --plugin postgres12 --db "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
