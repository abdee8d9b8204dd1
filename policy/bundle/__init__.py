"""Read a policy bundle: rules, agreements, law, hours, quotas, retention and thresholds of a national folder."""
