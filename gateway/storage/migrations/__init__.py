"""Schema migrations, run by `gateway.storage.database.migrate`."""
