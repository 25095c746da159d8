"""Builds the site's pages and pictures from the package itself."""
