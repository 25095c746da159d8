"""What builds the site: pages and pictures made from the package itself. No page shows it."""
