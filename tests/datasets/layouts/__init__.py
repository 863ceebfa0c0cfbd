"""Small files in the published layouts, written without the package under test."""
