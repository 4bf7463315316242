"""Bearer tokens of authd in a Django service, and its users in the service's own table."""

__version__ = "0.1.0"
