import type { KeyEvent, PenEvent } from "./messages.ts";

/** An event without more to it: `e.is("reframed")`. */
export function plainEvent(name: string, data: object = {}) {
  return { device: "none", ...data, name, is: (asked: string) => asked === name };
}

/** `touch` is the primary pointer's; `touch:any` is anyone's, `touch:2` the second's. */
export function penEvent(pen: PenEvent) {
  return {
    ...pen,
    is(asked: string) {
      const [kind, which] = asked.split(":");
      return kind === pen.name && (which ? which === "any" || Number(which) === pen.pointer : pen.isPrimary);
    },
  };
}

/** `keyboard:down` is any key's, `keyboard:down:c` that of one. */
export function keyEvent(key: KeyEvent) {
  return {
    ...key,
    device: "keyboard",
    is: (asked: string) => (asked.split(":").length > 2 ? key.name === asked : key.name.startsWith(asked)),
  };
}
