import type { PageMessage, PieceMessage } from "../messages.ts";
import { addressOf } from "../piece/address.ts";
import { isRunning } from "./build-state.ts";
import type { Build } from "./build.ts";

/** Begins what is asked for and calls `report` at each change. `before`: the last build of the same, which is over. */
type OpenBuild = (asked: PieceMessage, report: () => void, before: Build | undefined) => Build;

/**
 * Which builds there are, and which of them the piece that is on the page is shown. Builds outlive visits of the
 * piece: when it comes back it is shown the build that it left, unless it has been shown its outcome; then another
 * one begins.
 */
export class BuildRegistry {
  readonly #openBuild: OpenBuild;
  readonly #send: (message: PageMessage) => void;
  readonly #builds = new Map<string, Build>();
  /** Builds whose outcome nobody has been shown. */
  readonly #unseen = new Set<Build>();
  #visit: PieceMessage | undefined;

  /** `send` tells the piece. */
  constructor(openBuild: OpenBuild, send: (message: PageMessage) => void) {
    this.#openBuild = openBuild;
    this.#send = send;
  }

  /** The build that is shown, if any. */
  get current(): Build | undefined {
    return this.#visit && this.#builds.get(keyOf(this.#visit));
  }

  /** Every build there has been, the last one of the same pieces, flavor and version. */
  get all(): Iterable<Build> {
    return this.#builds.values();
  }

  /** A visit of the piece asks for a build: show it the one there is, or begin one. */
  open(asked: PieceMessage): void {
    this.#visit = asked;
    const build = this.current;
    if (build && this.#unseen.has(build)) return this.#show();
    const report = () => {
      if (this.current === next) this.#show();
    };
    const next = this.#openBuild(asked, report, build);
    this.#builds.set(keyOf(asked), next);
    this.#unseen.add(next);
    this.#show();
  }

  /** The piece has been left: what is sent now would reach the next piece. */
  leave(): void {
    this.#visit = undefined;
  }

  #show(): void {
    const build = this.current;
    if (!this.#visit || !build) return;
    this.#send({ type: "os:state", visit: this.#visit.visit, state: build.state });
    if (!isRunning(build.state)) this.#unseen.delete(build);
  }
}

/** What a build is known by: other pieces beside, and a flavor or version asked for, make another one. */
function keyOf({ piece, others = [], qualifiers = [] }: PieceMessage): string {
  return addressOf({ pieces: [piece, ...others], qualifiers });
}
