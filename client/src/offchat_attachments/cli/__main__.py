from offchat_attachments.cli import main

main()
