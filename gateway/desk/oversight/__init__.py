"""Look after the desk itself: incidents that counterparts are told of, queries that a supervisor reviews, insiders."""
