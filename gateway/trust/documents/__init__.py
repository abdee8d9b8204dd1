"""Read, write and keep the signed documents of trust: charter, descriptor, status, appointment, policy approval."""
