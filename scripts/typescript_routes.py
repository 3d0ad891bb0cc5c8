"""The routes of the TypeScript client, written from those of the Python client: `make docs`."""

import json

from whendue.client.routes import ROUTES

HEAD = """\
/** Every operation of the API once. Written by `make docs` from the routes of the Python client: change them there. */
import type { operations } from "./schema.js";

/** An operation: method, path, and whether it may be sent twice. */
export interface Route {
  method: string;
  /** With `{names}`. */
  path: string;
  /** Whether it may be sent again although it may have been carried out: twice is the same as once. */
  repeatable: boolean;
  /** Whether it takes an Idempotency-Key, which makes it repeatable. */
  keyed: boolean;
  /** Whether it is sent without a token. */
  public: boolean;
}

"""


def typescript() -> str:
    """Return the module of the TypeScript client that has the routes."""
    lines = [f"  {name}: {_literal(route)},\n" for name, route in ROUTES.items()]
    return f"{HEAD}export const ROUTES = {{\n{''.join(lines)}}} as const satisfies Record<keyof operations, Route>;\n"


def _literal(route: object) -> str:
    fields = ("method", "path", "repeatable", "keyed", "public")
    return "{ " + ", ".join(f"{name}: {json.dumps(getattr(route, name))}" for name in fields) + " }"
