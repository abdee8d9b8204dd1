"""Store documents, quotas, and a witness's memory."""
