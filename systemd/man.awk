# Turns the plain Markdown of docs/cubelet.8.md into a manual page: headings, paragraphs, lists of "- term: text",
# indented code, **bold** and `code`. awk -v release=0.1.0 -f man.awk page.md > page.8
function inline(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  while (match(text, /\*\*[^*]+\*\*/))
    text = substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART + 2, RLENGTH - 4) "\\fR" substr(text, RSTART + RLENGTH)
  while (match(text, /`[^`]+`/))
    text = substr(text, 1, RSTART - 1) "\\fB" substr(text, RSTART + 1, RLENGTH - 2) "\\fR" substr(text, RSTART + RLENGTH)
  if (text ~ /^[.']/) text = "\\&" text
  return text
}
function endCode() { if (code) print ".EE\n.RE"; code = 0 }
/^# / { name = $2; section = name; sub(/\(.*/, "", name); gsub(/.*\(|\).*/, "", section)
        printf ".TH %s %s \"\" \"cubelet %s\" \"System administration\"\n", toupper(name), section, release; next }
/^## / { endCode(); print ".SH " toupper(substr($0, 4)); next }
/^### / { endCode(); print ".SS " inline(substr($0, 5)); next }
/^    / { if (!code) print ".PP\n.RS 4\n.EX"; code = 1; text = substr($0, 5); gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text)
          if (text ~ /^[.']/) text = "\\&" text
          print text; next }
/^- / { endCode(); blank = 0; term = substr($0, 3); text = ""
        if (match(term, /: /)) { text = substr(term, RSTART + 2); term = substr(term, 1, RSTART - 1) }
        print ".TP\n" inline(term); if (text != "") print inline(text); next }
/^  [^ ]/ { blank = 0; print inline(substr($0, 3)); next }
/^$/ { endCode(); blank = 1; next }
{ endCode(); if (blank) print ".PP"; blank = 0; print inline($0) }
