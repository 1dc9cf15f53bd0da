"""The page's style sheet: system fonts, light and dark, and cards instead of a table on a phone."""

STYLE = """
:root { color-scheme: light dark; --ink:#1d2733; --dim:#5c6b7a; --paper:#f5f7f9; --card:#fff; --line:#dde3e9;
  --accent:#0b6e4f; --warn-ink:#7a4b00; --warn:#fff3d6; --bad:#b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink:#e4eaf0; --dim:#9aa8b5; --paper:#12181e; --card:#1b232b;
  --line:#303b46; --accent:#5fd0a5; --warn-ink:#ffd98a; --warn:#3a2d10; --bad:#ff8a80; } }
* { box-sizing:border-box; }
body { margin:0; background:var(--paper); color:var(--ink); font:15px/1.5 system-ui, sans-serif; }
main { max-width:1180px; margin:0 auto; padding:24px 16px 64px; }
h1 { font-size:1.6rem; margin:0 0 4px; } h2 { font-size:1.15rem; margin:0; }
a { color:var(--accent); } p { margin:0 0 8px; }
code { font:.9em ui-monospace, monospace; overflow-wrap:anywhere; }
.notice { background:var(--warn); color:var(--warn-ink); border-radius:8px; padding:10px 14px;
  margin:12px 0 20px; }
.dim { color:var(--dim); }
section { background:var(--card); border:1px solid var(--line); border-radius:10px; margin:20px 0;
  overflow:hidden; }
.bar { display:flex; flex-wrap:wrap; gap:12px; align-items:center; justify-content:space-between;
  padding:14px 16px; }
.bar form { display:flex; gap:8px; }
input, button { font:inherit; color:inherit; border:1px solid var(--line); border-radius:6px;
  padding:5px 10px; background:var(--paper); } input { min-width:0; width:230px; }
button { cursor:pointer; white-space:nowrap; } button:hover { border-color:var(--accent); }
:focus-visible { outline:2px solid var(--accent); outline-offset:1px; }
table { width:100%; border-collapse:collapse; }
th { text-align:left; font-size:.8rem; font-weight:600; color:var(--dim); }
th, td { padding:8px 16px; border-top:1px solid var(--line); vertical-align:top; overflow-wrap:break-word; }
td.num { font-variant-numeric:tabular-nums; white-space:nowrap; }
td.addr { font-weight:600; min-width:270px; overflow-wrap:anywhere; }
tr:target { outline:2px solid var(--accent); outline-offset:-2px; }
dl { margin:0; display:grid; grid-template-columns:max-content 1fr; gap:0 10px; font-size:.85rem; }
dt { color:var(--dim); } dd { margin:0; overflow-wrap:anywhere; }
.blocked { color:var(--bad); font-weight:600; white-space:nowrap; }
.fail { color:var(--bad); } .ok { color:var(--accent); }
.empty { padding:28px 16px; border-top:1px solid var(--line); color:var(--dim); text-align:center; }
nav { display:flex; flex-wrap:wrap; gap:14px; }
time { white-space:nowrap; font-variant-numeric:tabular-nums; font-size:.85rem; }
@media (max-width:760px) { thead { position:absolute; clip-path:inset(50%); }
  table, tbody, tr, td { display:block; } tr { border-top:1px solid var(--line); padding:10px 0; }
  td, td.num, td.addr { border:0; min-width:0; padding:2px 16px; white-space:normal; }
  td[data-label]::before { content:attr(data-label) ": "; color:var(--dim); font-size:.8rem;
    font-weight:400; }
  td:empty { display:none; }
  td[data-label="Attributes"]::before { content:none; }
  .bar form { flex:1 1 100%; } .bar input { flex:1; width:auto; } }
"""
