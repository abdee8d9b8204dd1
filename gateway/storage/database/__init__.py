"""Open the database: engines, tables, migrations, dump, and leadership."""
