export async function serverUrl(): Promise<string> {
  return process.env['H5PG'] as string
}
