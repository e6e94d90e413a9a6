/** A kind of computer that there are base images for. */
export interface Architecture {
  /** As `uname -m` and manifests say it. */
  readonly arch: string;
  /** What a person calls it: at the prompt, in an address, on the command line. */
  readonly word: string;
  /** What Debian and others call it, which a person may say, too. */
  readonly also: string;
  /** What the name of an image for it ends in, behind the piece's. A Raspberry Pi's users look for `.img`; see `docs/decisions/arm.md`. */
  readonly fileEnd: string;
  /** Whether its firmware starts files on a stick that keeps a file system of its own. */
  readonly onSticks: boolean;
  /** Whether Raspberry Pi Imager writes it, which wants to be told what it is. */
  readonly onCards: boolean;
}

/** All of them; the first is what is meant when nothing is said. */
export const ARCHITECTURES = [
  { arch: "x86_64", word: "pc", also: "amd64", fileEnd: "-os.iso", onSticks: true, onCards: false },
  { arch: "aarch64", word: "arm", also: "arm64", fileEnd: "-os-arm.img", onSticks: false, onCards: true },
] as const satisfies readonly Architecture[];

/** How manifests say an architecture that there are base images for. */
export type Arch = (typeof ARCHITECTURES)[number]["arch"];

/** What is meant when no architecture is named. */
export const USUAL_ARCH = ARCHITECTURES[0].arch;

/** The architecture of that name or word; undefined when there is none. */
export function architectureOf(name: string): (typeof ARCHITECTURES)[number] | undefined {
  return ARCHITECTURES.find(({ arch, word, also }) => name === arch || name === word || name === also);
}

/** What is known of an architecture that a manifest names, which may be none that is known here: then of the usual one. */
export function knownArchitecture(arch: string): (typeof ARCHITECTURES)[number] {
  return ARCHITECTURES.find((each) => each.arch === arch) ?? ARCHITECTURES[0];
}
