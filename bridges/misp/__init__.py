"""Reports as events of a MISP instance, pushed to it."""
