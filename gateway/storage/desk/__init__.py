"""Store the desk's rows: threads, notices, deliveries, work and holdings, written in the transaction of their entry."""
