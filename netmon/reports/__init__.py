"""Reports for the department: tables of what was judged, as CSV for programs and as a page that is printed."""
