"""Look after the desk itself: incidents and outages that are told, reviews, insiders, and accounts that are frozen."""
