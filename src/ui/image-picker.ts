/** A file that the person has chosen or dropped: a handle where the page may be allowed to write to it. */
export type PickedImage = File | FileHandle;

/** A file handle with what Chromium adds to the standard. */
export type FileHandle = FileSystemFileHandle & {
  requestPermission?(options: { mode: "readwrite" }): Promise<PermissionState>;
};

/** What was dropped: one file, or what to say of it. */
export type Dropped = { readonly image: PickedImage } | { readonly name: string; readonly message: string };

type Picker = (options: {
  id: string;
  types: { description: string; accept: Record<string, string[]> }[];
}) => Promise<FileHandle[]>;

const page = globalThis as { showOpenFilePicker?: Picker };

const TYPES = [{ description: "Disk image", accept: { "application/octet-stream": [".iso", ".img"] } }];

/**
 * Let the person choose an image that is on disk. Has to be called right after a key or a tap. Resolves to `undefined` when
 * they change their mind, or when the browser has not noticed the key.
 */
export async function chooseImage(): Promise<PickedImage | undefined> {
  if (!page.showOpenFilePicker) return await byInput();
  try {
    const [handle] = await page.showOpenFilePicker({ id: "os-image", types: TYPES });
    return handle;
  } catch (error) {
    const { name } = error as DOMException;
    if (name === "AbortError" || name === "SecurityError") return undefined;
    throw error;
  }
}

/** As every browser has it. */
async function byInput(): Promise<File | undefined> {
  const input = document.createElement("input");
  input.type = "file"; // any name: phones grey out what has none of the types that they know
  return await new Promise((resolve) => {
    input.addEventListener("change", () => resolve(input.files?.[0]));
    input.addEventListener("cancel", () => resolve(undefined));
    input.click();
  });
}

/** AC runs the source of a piece that is dropped on it. */
const FOR_AC = /\.(mjs|lisp)$/i;

/**
 * Call `onDrop` with what is dropped on the page, until the function that is returned is called. AC listens on `body` and
 * would read a `.zip` whole; capturing on the window comes before that. Sources of pieces are left to it.
 */
export function listenForDrops(onDrop: (dropped: Promise<Dropped>) => void): () => void {
  const over = new AbortController();
  const options = { capture: true, signal: over.signal };
  window.addEventListener(
    "dragover",
    (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // else the browser would go to the file
      event.stopPropagation();
      event.dataTransfer.dropEffect = "copy";
    },
    options,
  );
  window.addEventListener(
    "drop",
    (event) => {
      const { dataTransfer } = event;
      if (!dataTransfer?.types.includes("Files")) return;
      if (dataTransfer.files.length === 1 && FOR_AC.test(dataTransfer.files[0]?.name ?? "")) return;
      event.preventDefault();
      event.stopPropagation();
      onDrop(droppedIn(dataTransfer));
    },
    options,
  );
  return () => over.abort();
}

/** What has been dropped. What belongs to the event is asked for at once, since nothing of it is left later. */
export function droppedIn({ items, files }: Pick<DataTransfer, "items" | "files">): Promise<Dropped> {
  const all = [...items].filter(({ kind }) => kind === "file") as (DataTransferItem & {
    getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
  })[];
  const [item] = all;
  const [file] = files;
  const name = file?.name ?? "";
  const no = (message: string) => Promise.resolve({ name, message });
  if (all.length > 1) return no(`${all.length} files were dropped. Drop one image at a time.`);
  if (item?.webkitGetAsEntry()?.isDirectory) return no(`${name} is a folder. Drop one image.`);
  if (!file) return no("The browser gave nothing of what was dropped. Choose the file instead.");
  const handle = item?.getAsFileSystemHandle?.();
  return (handle ?? Promise.resolve(null))
    .catch(() => null)
    .then((found) => ({ image: found?.kind === "file" ? (found as FileHandle) : file }));
}
