/**
 * What this browser leaves behind of a download that failed, as a sentence; nothing if nothing. Seen: Chromium
 * removes what it had; Firefox leaves the name with 0 bytes and a .part file, or a part under the final name when
 * its service worker was stopped; WebKit leaves such a part.
 */
export function leftover(fileName: string, userAgent = navigator.userAgent): string {
  if (/Firefox\//.test(userAgent)) {
    return `Delete ${fileName} in your downloads, and a .part file if there is one beside it: it is not whole.`;
  }
  if (/AppleWebKit\//.test(userAgent) && !/Chrom(e|ium)\//.test(userAgent)) {
    return `Delete ${fileName} in your downloads: it is not whole.`;
  }
  return "";
}
