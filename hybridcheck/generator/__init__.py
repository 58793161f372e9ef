"""What runs inside Locust's process; nobody imports it."""
