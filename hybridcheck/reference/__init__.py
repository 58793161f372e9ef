"""The embedded reference hybrid system: a target for the demo, the tests and the accuracy runs."""
