import type { Networks } from "../control/request.ts";
import type { Battery } from "./control-machine.ts";
import type { Sink } from "./control-sound.ts";

/** All that the settings page shows; what is undefined the machine has not, and is not shown. */
export interface ControlState {
  readonly wifi?: Networks | undefined;
  /** The network that is being joined. */
  readonly joining?: string | undefined;
  readonly keyboard: { readonly layout: string; readonly variant?: string | undefined };
  readonly rotation: number;
  readonly scale: number;
  readonly volume?: number | undefined;
  readonly sinks?: readonly Sink[] | undefined;
  readonly brightness?: number | undefined;
  readonly battery?: Battery | undefined;
  /** What runs here: names and values. */
  readonly facts: readonly (readonly [string, string])[];
  readonly log?: string | undefined;
  /** Whether something has been set that the stick does not have yet, and whether it could be kept there. */
  readonly isChanged: boolean;
  readonly canKeep: boolean;
  /** The last thing that has happened, in words, and how many there were: the same words may come twice. */
  readonly said: { readonly words: string; readonly times: number };
}

/** What there is to choose from, which does not change. */
export interface ControlChoices {
  readonly layouts: readonly {
    readonly code: string;
    readonly name: string;
    readonly variants: readonly string[];
  }[];
  readonly rotations: readonly number[];
  readonly scales: readonly number[];
}

/** What the page calls. */
export type ControlCall =
  | { readonly do: "ready" | "close" | "scan" | "log" | "keep" | "restart-piece" | "restart" | "switch-off" }
  | { readonly do: "join"; readonly ssid: string; readonly passphrase?: string }
  | {
      readonly do: "set";
      readonly key: "keyboard" | "rotation" | "scale" | "volume";
      readonly value: unknown;
    }
  | { readonly do: "brightness" | "sink"; readonly value: number };
