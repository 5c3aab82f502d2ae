"""Text normalisation, removal notices, message wording and HTML pages."""
