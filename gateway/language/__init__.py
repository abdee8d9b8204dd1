"""Make sentences for people, in seven languages, from codes and facts."""
