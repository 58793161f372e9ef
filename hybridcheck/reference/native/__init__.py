"""The native half of the reference system: analytics, detection and monitoring kernels behind a small HTTP host."""
