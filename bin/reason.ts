const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "something else is using it",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file system there takes no file as large as this",
  EIO: "the disk has an error",
  EISDIR: "it is a folder",
  ELOOP: "its symbolic links lead in a circle",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "its name is too long",
  ENODEV: "there is no such device",
  ENOENT: "there is no such file or folder",
  ENOMEDIUM: "there is no medium in the drive",
  ENOSPC: "the disk is full",
  ENOTDIR: "part of its path is not a folder",
  ENXIO: "there is no such device",
  EPERM: "the system does not permit it",
  EROFS: "the file system there is read-only",
  ESTALE: "the network file system has lost it",
};

/** What a system error means, in words. */
export function systemReason(error: unknown): string {
  const { code = "" } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}
