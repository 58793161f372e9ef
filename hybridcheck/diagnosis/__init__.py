"""What a wrong answer looks like, by name: from expected and observed to the mistake that makes one of the other."""
