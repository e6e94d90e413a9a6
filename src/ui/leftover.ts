/**
 * What this browser leaves behind of a download that failed, as a sentence; nothing if nothing. Seen: Chromium
 * removes what it had; Firefox leaves the name with 0 bytes and a .part file; WebKit leaves a part under the final
 * name.
 */
export function leftover(fileName: string, userAgent = navigator.userAgent): string {
  if (/Firefox\//.test(userAgent)) {
    return `Delete ${fileName} in your downloads, which is empty, and the .part file beside it.`;
  }
  if (/AppleWebKit\//.test(userAgent) && !/Chrom(e|ium)\//.test(userAgent)) {
    return `Delete ${fileName} in your downloads: it is only a part.`;
  }
  return "";
}
