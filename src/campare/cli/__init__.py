"""The command line: `main` holds the application, and each verb has a file of its name."""
