"""A Django service that knows nobody's password: authd says who is asking."""
