"""Runs Argo CD's Lua as Argo CD does: Lua 5.1, the object in `obj`, the machine out of reach."""

import json
import subprocess
from pathlib import Path
from typing import Any

# What a script may use. `os` is there for the date alone, which stands still here.
SANDBOX = """
local os = { date = function() return "0001-01-01T00:00:00Z" end }
local known = { os = os }
local env = {
  ipairs = ipairs, pairs = pairs, type = type, tostring = tostring, string = string, table = table,
  require = function(name) return assert(known[name], name .. " is not there") end,
  obj = OBJECT,
}
local function show(value)
  if type(value) == "string" then
    return (string.format("%q", value):gsub("\\\\\\n", "\\\\n"))
  elseif type(value) ~= "table" then
    return tostring(value)
  end
  local list, members = #value > 0, {}
  for key, member in pairs(value) do
    table.insert(members, (list and "" or show(key) .. ": ") .. show(member))
  end
  return (list and "[" or "{") .. table.concat(members, ", ") .. (list and "]" or "}")
end
print(show(setfenv(assert(loadstring(SCRIPT)), env)()))
"""


def run(script: Path, obj: Any) -> Any:
    """What the script returns."""
    program = f"SCRIPT = {literal(script.read_text())}\nOBJECT = {literal(obj)}\n{SANDBOX}"
    done = subprocess.run(["lua5.1", "-"], input=program, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{literal(k)}] = {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(map(literal, value)) + "}"
    if isinstance(value, str):
        return '"' + "".join(f"\\{byte:03d}" for byte in value.encode()) + '"'
    return {True: "true", False: "false", None: "nil"}.get(value, str(value))
