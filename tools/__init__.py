"""Scripts that write pages and lists of the repository; tests compare what they write."""
