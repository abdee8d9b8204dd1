"""Tell the owner of a hit what came of it, where no ask followed it up."""
