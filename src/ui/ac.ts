/** What AC gives pages to talk to pieces. */
interface AestheticComputer {
  /** Tell the piece. */
  signal(message: unknown): void;
  /** Be told by the piece. A later listener for the same type replaces an earlier one; AC forgets all between pieces. */
  when(type: string, listener: (content: unknown) => void): void;
  /** Called, and then forgotten, when the piece is left. */
  acCONTENT_EVENTS: (() => void)[];
}

/** AC's page. */
export const ac = globalThis as unknown as AestheticComputer;
