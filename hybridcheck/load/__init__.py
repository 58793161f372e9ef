"""Driving Locust from outside: shapes, plan, reports and the child process."""
