"""Schema migrations, run by `gateway.storage.migrate`."""
