"""Files of notices in the REST API."""
