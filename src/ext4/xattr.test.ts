import { expect, test } from "vitest";
import { ACL_ENTRY, XATTR_ENTRY, XATTR_HEADER } from "./fields.ts";
import { FilesystemError } from "./filesystem.ts";
import { Struct } from "./struct.ts";
import { formatXattrs, readXattrBody } from "./xattr.ts";

test("an attribute's header that goes on behind the inode is damage", () => {
  const s = new Struct(32);
  s.set(XATTR_HEADER.h_magic, 0xea020000);
  s.set(XATTR_ENTRY.e_name_len, 8, 4); // the next entry is in the last four bytes
  s.set(XATTR_ENTRY.e_name_len, 1, 28);
  expect(() => readXattrBody(s.bytes)).toThrow(FilesystemError);
});

test("an access control list that is cut off is damage", () => {
  const value = new Struct(8); // a header, and half of an entry with a user's number
  value.set(ACL_ENTRY.e_tag, 0x02, 4); // ACL_USER
  const list = { index: 2, name: new Uint8Array(0), value: value.bytes }; // system.posix_acl_access
  expect(() => formatXattrs([list])).toThrow(FilesystemError);
});
