"""JSON read without loss: number tokens as written, key order, duplicate keys; and comparisons of such documents."""
